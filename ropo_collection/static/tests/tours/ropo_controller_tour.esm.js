import {registry} from "@web/core/registry";

const {DateTime} = luxon;

/**
 * From the menu to the figures as of ten days ago, their sums, and down to one case.
 */
registry.category("web_tour.tours").add("ropo_controller_tour", {
    steps: () => [
        {
            content: "Customers",
            trigger:
                ".o_menu_sections [data-menu-xmlid='account.menu_finance_receivables']",
            run: "click",
        },
        {
            content: "Figures as of…",
            trigger:
                ".o-dropdown--menu [data-menu-xmlid='ropo_collection.ropo_figures_day_menu']",
            run: "click",
        },
        {
            content: "The day",
            trigger: ".modal .o_field_widget[name=day] button",
            run: "click",
        },
        {
            content: "Ten days ago",
            trigger: ".modal .o_field_widget[name=day] input",
            run({edit}) {
                edit(DateTime.now().minus({days: 10}).toFormat("MM/dd/yyyy"));
            },
        },
        {
            content: "Show",
            trigger: ".modal footer button[name=action_open]",
            run: "click",
        },
        {
            content: "The title says which day it is",
            trigger:
                "body:not(:has(.modal)) .o_control_panel .o_breadcrumb:contains(as of):contains(20)",
        },
        {
            content: "On that day one case was there, and nothing had been paid",
            trigger:
                ".o_pivot tbody tr:first:contains(Total):contains(100.00):not(:contains(150.00)):not(:contains(60.00))",
        },
        {
            content: "Which case?",
            trigger: ".o_pivot tbody tr:first td.o_pivot_cell_value:first",
            run: "click",
        },
        {
            content: "The list is of that day, too",
            trigger:
                ".o_list_table:not(:has(.o_data_row ~ .o_data_row)) td[name=open_here]:contains(100.00)",
        },
        {
            content: "Open the case",
            trigger: ".o_list_view .o_data_row td[name=partner_id]",
            run: "click",
        },
        {
            content: "It says what happens next",
            trigger:
                ".o_form_view .o_field_widget[name=next_steps]:contains(The debtor pays Ropo)",
        },
    ],
});
