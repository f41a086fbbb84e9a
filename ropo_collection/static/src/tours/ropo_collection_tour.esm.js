import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";

/**
 * Shows a new user around in the demo environment: from an overdue invoice to its case
 * at Ropo. Begins in the list of what is ready.
 */
registry.category("web_tour.tours").add("ropo_collection_tour", {
    url: "/odoo/ropo-ready",
    steps: () => [
        {
            trigger: ".o_list_view .o_data_row .o_list_record_selector input",
            content: _t(
                "These invoices are overdue. Select one that may be handed over."
            ),
            tooltipPosition: "right",
            run: "click",
        },
        {
            trigger: ".o_control_panel button[name=action_ropo_transfer]",
            content: _t("Hand it over."),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: ".modal footer button[name=action_transfer]",
            content: _t(
                "The window says what is handed over, and what has to be mended first. Confirm it."
            ),
            tooltipPosition: "top",
            run: "click",
        },
        {
            trigger:
                ".modal:has(.o_ropo_progress[data-done]) footer button[name=action_view_cases]",
            content: _t(
                "It has arrived. A transfer goes on when its window is closed; the menu Latest transfer shows it again. Open the case."
            ),
            tooltipPosition: "top",
            run: "click",
        },
        {
            trigger: ".o_form_view button[name=action_next_step]",
            content: _t(
                "In Demo you play Ropo's part: this sends a reminder. In Production Ropo does it, and it shows here by itself."
            ),
            tooltipPosition: "bottom",
            run: "click",
        },
    ],
});
