import {registry} from "@web/core/registry";
import {runScheduledAction} from "./ropo_transfer_tour.esm";

/**
 * From Ropo's money on an imported bank statement, whose list is open, to settled cases.
 */
registry.category("web_tour.tours").add("ropo_settlement_tour", {
    steps: () => [
        {
            content: "Only Ropo's money is listed",
            trigger: ".o_list_view tbody:not(:contains(Sample customer))",
        },
        {
            content: "Settle it",
            trigger: ".o_data_row:contains(Sample settlement) button[name=action_ropo_settle]",
            run: "click",
        },
        {
            content: "The proposal says why",
            trigger: ".o_form_view .alert-info:contains(oldest payments that fit)",
        },
        {
            content: "Two cases are proposed",
            trigger: ".o_field_widget[name=line_ids] .o_data_row:nth-child(2)",
        },
        {
            content: "The rest is interest",
            trigger: ".o_field_x2many_list_row_add a",
            run: "click",
        },
        {
            content: "Choose the kind",
            trigger: ".o_selected_row .o_field_widget[name=kind] input",
            run: "click",
        },
        {
            content: "Interest",
            trigger: ".o_select_menu_item:contains(Interest)",
            run: "click",
        },
        {
            content: "What was left is offered as its amount",
            trigger: ".o_selected_row .o_field_widget[name=amount] input:value(9.50)",
        },
        {
            content: "Book",
            trigger: ".o_statusbar_buttons button[name=action_book]",
            run: "click",
        },
        {
            content: "It is booked",
            trigger: ".o_statusbar_status button[data-value=booked].o_arrow_button_current",
        },
        {
            content: "Let the cases be compared",
            trigger: ".o_form_view",
            run: () => runScheduledAction("cron_report"),
        },
        {
            content: "Look at the cases",
            trigger: ".o-form-buttonbox button[name=action_view_cases]",
            run: "click",
        },
        {
            content: "Both are listed",
            trigger: ".o_list_view .o_data_row:nth-child(2)",
        },
    ],
});
