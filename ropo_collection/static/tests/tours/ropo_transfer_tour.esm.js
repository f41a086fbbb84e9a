import {registry} from "@web/core/registry";
import {rpc} from "@web/core/network/rpc";

function call(model, method, args, kwargs = {}) {
    const params = {model, method, args, kwargs};
    return rpc(`/web/dataset/call_kw/${model}/${method}`, params);
}

/**
 * What "Run Manually" does: tours have no threads for scheduled actions.
 */
export async function runScheduledAction(name) {
    const domain = [
        ["module", "=", "ropo_collection"],
        ["name", "=", name],
    ];
    const [found] = await call("ir.model.data", "search_read", [domain, ["res_id"]]);
    await call("ir.cron", "method_direct_trigger", [[found.res_id]]);
}

/**
 * The window shows the progress; the scheduled actions do their part.
 */
export const onItsWay = {
    content: "It is on its way",
    trigger: ".modal .o_ropo_progress:not([data-done])",
    run: async () => {
        await runScheduledAction("cron_transfer");
        await runScheduledAction("cron_poll");
    },
};

/**
 * From an overdue invoice, whose form is open, to its case at Ropo.
 */
registry.category("web_tour.tours").add("ropo_transfer_tour", {
    steps: () => [
        {
            content: "Hand the invoice over",
            trigger: ".o_statusbar_buttons button[name=action_ropo_transfer]",
            run: "click",
        },
        {
            content: "The window says that it is ready",
            trigger: ".modal .o_field_widget[name=line_ids] .text-bg-success",
        },
        {
            content: "Confirm",
            trigger: ".modal footer button[name=action_transfer]",
            run: "click",
        },
        onItsWay,
        {
            content: "The window shows by itself when it has arrived",
            trigger: ".modal .o_ropo_progress[data-done] .fw-bold:contains(1 of 1)",
            timeout: 30000,
        },
        {
            content: "Close the window",
            trigger: ".modal footer button[special=cancel]:contains(Close)",
            run: "click",
        },
        {
            content: "The invoice knows its case",
            trigger:
                "body:not(:has(.modal)) button[name=action_ropo_view_assignment]:contains(At Ropo)",
            run: "click",
        },
        {
            content: "The case is at Ropo",
            trigger:
                ".o_form_view:has(button[name=action_withdraw], button[name=action_refresh]) .o_arrow_button_current:contains(At Ropo)",
        },
        {
            content: "Its claim is what the invoice has open",
            trigger: ".o_field_widget[name=capital_amount]:contains(100.00)",
        },
    ],
});

/**
 * An invoice whose customer has no address: it is entered in the window, kept on the
 * customer, and the claim arrives with it.
 */
registry.category("web_tour.tours").add("ropo_mend_address_tour", {
    steps: () => [
        {
            content: "Hand the invoice over",
            trigger: ".o_statusbar_buttons button[name=action_ropo_transfer]",
            run: "click",
        },
        {
            content: "The window says what is missing",
            trigger:
                ".modal .o_field_widget[name=line_ids] td:contains(Missing for Sample Business Oy: street, post code)",
        },
        {
            content: "Nothing can be handed over",
            trigger: ".modal:not(:has(footer button[name=action_transfer]))",
        },
        {
            content: "Open the details",
            trigger: ".modal button[name=action_details]",
            run: "click",
        },
        {
            content: "Open the debtor",
            trigger:
                ".modal .o_field_widget[name=payer_ids] td[name=name]:contains(Sample Business Oy)",
            run: "click",
        },
        {
            content: "It says what to mend",
            trigger:
                ".modal .o_field_widget[name=problems]:contains(Missing: street, post code)",
        },
        {
            content: "Enter the street",
            trigger: ".modal .o_field_widget[name=street] input",
            run: "edit Samplestreet 7",
        },
        {
            content: "Enter the post code, with a digit missing",
            trigger: ".modal .o_field_widget[name=zip] input",
            run: "edit 0070",
        },
        {
            content: "Leave the field",
            trigger: ".modal .o_field_widget[name=city] input",
            run: "click",
        },
        {
            content: "That is noticed",
            trigger:
                ".modal .o_field_widget[name=problems]:contains(needs 5 digits in Finland)",
        },
        {
            content: "Enter the post code",
            trigger: ".modal .o_field_widget[name=zip] input",
            run: "edit 00700",
        },
        {
            content: "Keep it",
            trigger: ".modal .o_form_button_save",
            run: "click",
        },
        {
            content: "The list of debtors has it",
            trigger:
                ".modal .o_field_widget[name=payer_ids] td[name=street]:contains(Samplestreet 7)",
        },
        {
            content: "The invoice is ready",
            trigger: ".modal .o_field_widget[name=verdict] .text-bg-success",
        },
        {
            content: "Keep it on the customer, too",
            trigger: ".modal .o_field_widget[name=write_back] input",
            run: "click",
        },
        {
            content: "Back to the list",
            trigger: ".modal footer button[name=action_back]",
            run: "click",
        },
        {
            content: "The list says ready, too",
            trigger: ".modal .o_field_widget[name=line_ids] .text-bg-success",
        },
        {
            content: "Confirm",
            trigger: ".modal footer button[name=action_transfer]",
            run: "click",
        },
        onItsWay,
        {
            content: "It has arrived",
            trigger: ".modal .o_ropo_progress[data-done] .fw-bold:contains(1 of 1)",
            timeout: 30000,
        },
    ],
});
