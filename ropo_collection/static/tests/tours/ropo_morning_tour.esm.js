import {registry} from "@web/core/registry";
import {runScheduledAction} from "./ropo_transfer_tour.esm";

/**
 * A bookkeeper's morning: the dashboard says that something waits; it is decided.
 */
registry.category("web_tour.tours").add("ropo_morning_tour", {
    steps: () => [
        {
            content: "The dashboard says that one case needs attention",
            trigger:
                ".o_kanban_record .row:contains(Ropo needs attention):contains(1) a[name=action_ropo_attention]",
            run: "click",
        },
        {
            content: "It is listed with the reason",
            trigger: ".o_list_view .o_data_row:contains(neither a payment) td[name=name]",
            run: "click",
        },
        {
            content: "Decide",
            trigger:
                ".o_field_widget[name=event_ids] button[name=get_formview_action]:visible",
            run: "click",
        },
        {
            content: "It was a payment",
            trigger: ".o_statusbar_buttons button[name=action_answer_paid]",
            run: "click",
        },
        {
            content: "It says what was decided",
            trigger: ".o_form_view .alert-success:contains(Report as paid)",
            run: () => runScheduledAction("cron_report"),
        },
        {
            content: "Back to the list",
            trigger: ".o_breadcrumb a:contains(Needs attention)",
            run: "click",
        },
        {
            content: "Nothing is left",
            trigger: ".o_list_view .o_view_nocontent:contains(Nothing needs attention)",
        },
        {
            content: "Back to the dashboard",
            trigger: ".o_breadcrumb a:contains(Dashboard)",
            run: "click",
        },
        {
            content: "It says nothing of Ropo any more",
            trigger:
                ".o_kanban_view:has(.o_kanban_record):not(:has(a[name=action_ropo_attention]))",
        },
    ],
});
