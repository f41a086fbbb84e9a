import {registry} from "@web/core/registry";

/**
 * A customer finds an invoice that is at Ropo among his own, and where to pay it.
 */
registry.category("web_tour.tours").add("ropo_portal_tour", {
    url: "/my/invoices",
    steps: () => [
        {
            content: "One invoice is with Ropo, and can't be paid here",
            trigger:
                "tr:has(.badge:contains(With Ropo)):not(:has(a:contains(Pay Now)))",
        },
        {
            content: "The other one can",
            trigger: "tr:not(:has(.badge:contains(With Ropo))) a[aria-label='Pay now']",
        },
        {
            content: "Open it",
            trigger: "tr:has(.badge:contains(With Ropo)) a",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "What to do is said beside the amount",
            trigger: "a[href='#ropo_notice']:contains(To be paid to Ropo)",
        },
        {
            content: "It says since when and where to pay",
            trigger: "#ropo_notice:contains(since):contains(pay it to Ropo)",
        },
        {
            content: "There is no button to pay here",
            trigger: "body:not(:has([data-bs-target='#pay_with']))",
        },
    ],
});
