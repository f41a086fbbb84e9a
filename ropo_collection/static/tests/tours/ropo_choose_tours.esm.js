import {registry} from "@web/core/registry";
import {runScheduledAction} from "./ropo_transfer_tour.esm";

const tours = registry.category("web_tour.tours");

/**
 * The list of what is ready, with its reasons: all of it, and what is not ready, too.
 */
tours.add("ropo_bulk_transfer_tour", {
    steps: () => [
        {
            content: "The list says why an invoice can't be handed over",
            trigger:
                ".o_list_view .o_data_row:has(.text-bg-danger) td[name=ropo_reasons]:contains(street)",
        },
        {
            content: "And what is to be checked first",
            trigger:
                ".o_list_view .o_data_row:has(.text-bg-warning) td[name=ropo_reasons]:contains(minor)",
        },
        {
            content: "Select all",
            trigger: ".o_list_view thead .o_list_record_selector input",
            run: "click",
        },
        {
            content: "Hand them over",
            trigger: ".o_control_panel button[name=action_ropo_transfer]",
            run: "click",
        },
        {
            content: "The window tells them apart",
            trigger:
                ".modal .o_field_widget[name=line_ids]:has(.text-bg-danger):has(.text-bg-warning):has(.text-bg-success)",
        },
        {
            content: "Only what is ready counts",
            trigger: ".modal .alert-info .o_field_widget[name=ready_amount]:contains(100.00)",
        },
        {
            content: "Say that the warning has been checked",
            trigger: ".modal .o_field_widget[name=confirm_warnings] input",
            run: "click",
        },
        {
            content: "Now both count",
            trigger: ".modal .alert-info .o_field_widget[name=ready_amount]:contains(150.00)",
        },
        {
            content: "Confirm",
            trigger: ".modal footer button[name=action_transfer]",
            run: "click",
        },
        {
            content: "They are on their way",
            trigger: ".modal .o_ropo_progress:not([data-done])",
            run: async () => {
                await runScheduledAction("cron_transfer");
                await runScheduledAction("cron_poll");
            },
        },
        {
            content: "Both have arrived",
            trigger: ".modal .o_ropo_progress[data-done] .fw-bold:contains(2 of 2)",
            timeout: 30000,
        },
        {
            content: "Close the window",
            trigger: ".modal footer button[special=cancel]:contains(Close)",
            run: "click",
        },
        {
            content: "What could not be handed over is still listed, the others not",
            trigger:
                "body:not(:has(.modal)) .o_list_view:not(:has(.text-bg-success)) .o_data_row:has(.text-bg-danger)",
        },
    ],
});

/**
 * The list to approve: one is handed over, the others are not.
 */
tours.add("ropo_approve_tour", {
    steps: () => [
        {
            content: "Three invoices are proposed",
            trigger: ".o_list_view:has(.o_data_row:nth-child(3))",
        },
        {
            content: "Select the one that is to go",
            trigger: ".o_data_row:contains(300.00) .o_list_record_selector input",
            run: "click",
        },
        {
            content: "Approve it",
            trigger: ".o_control_panel button[name=action_send]",
            run: "click",
        },
        {
            content: "It is said what that means",
            trigger: ".modal .btn-primary",
            run: "click",
        },
        {
            content: "It has left the list; select the others",
            trigger:
                "body:not(:has(.modal)) .o_list_view:not(:has(.o_data_row:contains(300.00))) thead .o_list_record_selector input",
            run: "click",
        },
        {
            content: "They are not handed over",
            trigger: ".o_control_panel button[name=action_cancel]",
            run: "click",
        },
        {
            content: "Nothing is left to approve",
            trigger: ".o_list_view .o_view_nocontent:contains(Nothing to approve)",
            run: async () => {
                await runScheduledAction("cron_transfer");
                await runScheduledAction("cron_poll");
            },
        },
    ],
});

/**
 * From a case at Ropo, whose form is open, to the credit note that takes it back.
 */
tours.add("ropo_withdraw_tour", {
    steps: () => [
        {
            content: "Withdraw the case",
            trigger: ".o_statusbar_buttons button[name=action_withdraw]",
            run: "click",
        },
        {
            content: "The window says what it costs",
            trigger: ".modal .alert-warning:contains(may charge you its costs)",
        },
        {
            content: "Say why",
            trigger: ".modal .o_field_widget[name=reason] textarea",
            run: "edit The goods came back",
        },
        {
            content: "Go on",
            trigger: ".modal footer button[name=action_confirm]:contains(credit note)",
            run: "click",
        },
        {
            content: "The draft says what it does at Ropo",
            trigger:
                "body:not(:has(.modal)) .o_form_view .alert:contains(Ropo is told of it)",
        },
        {
            content: "Confirm the credit note",
            trigger: ".o_statusbar_buttons button[name=action_post]",
            run: "click",
        },
        {
            content: "It is posted; Ropo is told",
            trigger: ".o_form_view:has(.o_arrow_button_current:contains(Posted))",
            run: async () => {
                await runScheduledAction("cron_report");
                await runScheduledAction("cron_poll");
            },
        },
    ],
});
