import {Component, onMounted, onWillUnmount} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {browser} from "@web/core/browser/browser";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

// How often a transfer under way is looked at again.
const INTERVAL = 2000;

/**
 * A bar with the progress of a transfer, which reloads its record while it goes on.
 */
export class RopoProgressField extends Component {
    static template = "ropo_collection.RopoProgressField";
    static props = {...standardFieldProps};

    setup() {
        onMounted(() => this.schedule());
        onWillUnmount(() => {
            this.gone = true;
            browser.clearTimeout(this.timer);
        });
    }

    get data() {
        return this.props.record.data;
    }

    get inProgress() {
        return this.data[this.props.name];
    }

    get total() {
        return this.data.done_count + this.data.waiting_count + this.data.failed_count;
    }

    get text() {
        return _t("%(done)s of %(total)s at Ropo", {
            done: this.data.done_count,
            total: this.total,
        });
    }

    percent(count) {
        return this.total ? Math.round((100 * count) / this.total) : 0;
    }

    schedule() {
        if (this.inProgress && !this.gone) {
            this.timer = browser.setTimeout(() => this.reload(), INTERVAL);
        }
    }

    async reload() {
        await this.props.record.load();
        this.schedule();
    }
}

export const ropoProgressField = {
    component: RopoProgressField,
    displayName: _t("Progress of a transfer to Ropo"),
    supportedTypes: ["boolean"],
    isEmpty: () => false,
    fieldDependencies: [
        {name: "done_count", type: "integer"},
        {name: "waiting_count", type: "integer"},
        {name: "failed_count", type: "integer"},
    ],
};

registry.category("fields").add("ropo_progress", ropoProgressField);
