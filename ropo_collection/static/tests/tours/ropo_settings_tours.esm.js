import {registry} from "@web/core/registry";
import {onItsWay, runScheduledAction} from "./ropo_transfer_tour.esm";

const tours = registry.category("web_tour.tours");

const openInvoicing = [
    {
        content: "Open the settings of invoicing",
        trigger: ".settings_tab .tab[data-key=account]",
        run: "click",
    },
];

/**
 * An administrator begins: from Off to the first transfer that Ropo has accepted, the
 * last part led by the guide for new users.
 */
tours.add("ropo_setup_tour", {
    steps: () => [
        ...openInvoicing,
        {
            content: "Choose Demo",
            trigger: "#ropo_environment .o_radio_item:contains(Demo) input",
            run: "click",
        },
        {
            content: "What is missing is said at once",
            trigger:
                ".o_field_widget[name=ropo_setup] .alert-danger:contains(e-mail address)",
        },
        {
            content: "Enter the address",
            trigger: "#ropo_service .o_field_widget[name=ropo_agreement_email] input",
            run: "edit sample@example.com",
        },
        {
            content: "Order the service",
            trigger: "#ropo_service button[name=action_ropo_activate]",
            run: "click",
        },
        {
            content: "It says what that means",
            trigger: ".modal .btn-primary",
            run: "click",
        },
        {
            content: "The agreement is on its way",
            trigger: "#ropo_service:contains(Waiting for the agreement)",
        },
        {
            content: "Play the person who signs it",
            trigger: "#ropo_service button[name=action_ropo_next_step]",
            run: "click",
        },
        {
            content: "The service is open, and the next step is named",
            trigger:
                ".o_field_widget[name=ropo_setup] .alert-info:contains(Demo is ready)",
        },
        {
            content: "Let the guide show the way",
            trigger: "#ropo_environment button[name=action_ropo_tour]",
        },
    ],
});

/**
 * The guide for new users, with what the scheduler does for them.
 */
tours.add("ropo_guide_tour", {
    steps: () => {
        const guide = tours.get("ropo_collection_tour").steps();
        const confirmed =
            1 + guide.findIndex((step) => step.trigger.includes("action_transfer"));
        guide.splice(confirmed, 0, onItsWay);
        return [
            ...guide,
            {
                content: "The step is being played",
                trigger: ".o_form_view:has(.o_arrow_button_current:contains(At Ropo))",
                run: () => runScheduledAction("cron_poll"),
            },
            {
                content: "The case shows what Ropo did",
                trigger:
                    ".o_field_widget[name=collection_status]:contains(Reminder sent)",
                timeout: 30000,
            },
        ];
    },
});

/**
 * The agency is changed: what closing means, why, and that it is closed.
 */
tours.add("ropo_close_tour", {
    steps: () => [
        ...openInvoicing,
        {
            content: "Close the service",
            trigger: "#ropo_service button[name=action_ropo_close_service]",
            run: "click",
        },
        {
            content: "What waits is cancelled",
            trigger: ".modal .alert-warning:contains(cancelled first):contains(50.00)",
        },
        {
            content: "What is at Ropo goes on, and may cost",
            trigger: ".modal .alert-warning:contains(Costs may arise):contains(100.00)",
        },
        {
            content: "Say why",
            trigger: ".modal .o_field_widget[name=reason] textarea",
            run: "edit Sample: another agency",
        },
        {
            content: "Confirm",
            trigger: ".modal footer button[name=action_confirm]",
            run: "click",
        },
        {
            content: "It is closed, and can be ordered again",
            trigger:
                "body:not(:has(.modal)) #ropo_service:contains(no new invoices can be handed over) button[name=action_ropo_activate]",
        },
    ],
});
