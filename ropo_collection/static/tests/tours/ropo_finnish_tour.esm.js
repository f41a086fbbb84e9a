import {registry} from "@web/core/registry";
import {onItsWay} from "./ropo_transfer_tour.esm";

/**
 * The same way in Finnish, from the list of what can be handed over: every text that
 * leads on is looked for in the user's language.
 */
registry.category("web_tour.tours").add("ropo_finnish_tour", {
    steps: () => [
        {
            content: "The list has Finnish headings and a Finnish verdict",
            trigger:
                ".o_list_view:has(th:contains(Päiviä myöhässä)) .o_data_row .badge:contains(Valmis)",
        },
        {
            content: "Choose all",
            trigger: "thead .o_list_record_selector input",
            run: "click",
        },
        {
            content: "Hand over",
            trigger: ".o_control_panel button:contains(Siirrä Ropolle)",
            run: "click",
        },
        {
            content: "The window speaks Finnish, too",
            trigger: ".modal:has(.modal-title:contains(Siirrä Ropolle)) .badge:contains(Valmis)",
        },
        {
            content: "Confirm",
            trigger: ".modal footer button:contains(Siirrä Ropolle)",
            run: "click",
        },
        onItsWay,
        {
            content: "It has arrived; close the window",
            trigger:
                ".modal:has(.o_ropo_progress[data-done]) footer button:contains(Sulje)",
            run: "click",
        },
        {
            content: "Look at the cases",
            trigger: "body:not(:has(.modal)) button[data-menu-xmlid='account.menu_finance_receivables']",
            run: "click",
        },
        {
            trigger: ".o-dropdown--menu .dropdown-item:contains(Toimeksiannot)",
            run: "click",
        },
        {
            content: "The case is at Ropo",
            trigger: ".o_data_row .badge:contains(Ropolla)",
        },
    ],
});
