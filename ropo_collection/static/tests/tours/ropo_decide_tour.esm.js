import {registry} from "@web/core/registry";
import {runScheduledAction} from "./ropo_transfer_tour.esm";

/**
 * From a case with a question, whose form is open, to the answer that Ropo is told.
 */
registry.category("web_tour.tours").add("ropo_decide_tour", {
    steps: () => [
        {
            content: "The page says what is asked",
            trigger: ".o_form_view .alert-warning:contains(neither a payment)",
        },
        {
            content: "Decide",
            trigger:
                ".o_field_widget[name=event_ids] button[name=get_formview_action]:visible",
            run: "click",
        },
        {
            content: "Report it as credited",
            trigger: ".o_statusbar_buttons button[name=action_answer_credit_note]",
            run: "click",
        },
        {
            content: "The window says that it can't be undone",
            trigger: ".modal .alert-warning:contains(can't be undone)",
        },
        {
            content: "Say why",
            trigger: ".modal .o_field_widget[name=reason] textarea",
            run: "edit Sample: discount agreed",
        },
        {
            content: "Confirm",
            trigger: ".modal footer button[name=action_confirm]",
            run: "click",
        },
        {
            content: "Nothing is asked any more",
            trigger:
                "body:not(:has(.modal)) .o_form_view:not(:has(button[name=action_answer_keep]:visible))",
            run: () => runScheduledAction("cron_report"),
        },
    ],
});
