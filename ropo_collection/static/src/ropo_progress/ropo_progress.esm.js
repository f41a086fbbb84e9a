import {Component, onMounted, onPatched, onWillUnmount, xml} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {browser} from "@web/core/browser/browser";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

// How often a record that is being worked on is looked at again, and how long.
const INTERVAL = 2000;
const PATIENCE = 5 * 60 * 1000;

/**
 * Reloads its record as long as its field is true. Shows nothing.
 */
export class RopoWatchField extends Component {
    static template = xml`<t/>`;
    static props = {...standardFieldProps};

    setup() {
        this.looks = 0;
        onMounted(() => this.schedule());
        onPatched(() => this.schedule());
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

    schedule() {
        if (!this.inProgress) {
            this.looks = 0;
        } else if (!this.timer && !this.gone && this.looks < PATIENCE / INTERVAL) {
            this.timer = browser.setTimeout(() => this.reload(), INTERVAL);
        }
    }

    async reload() {
        this.looks++;
        await this.props.record.load();
        this.timer = null;
        this.schedule();
    }
}

/**
 * A bar with the progress of a transfer.
 */
export class RopoProgressField extends RopoWatchField {
    static template = "ropo_collection.RopoProgressField";

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
}

export const ropoWatchField = {
    component: RopoWatchField,
    displayName: _t("Reload while the server works"),
    supportedTypes: ["boolean"],
    isEmpty: () => false,
};

export const ropoProgressField = {
    ...ropoWatchField,
    component: RopoProgressField,
    displayName: _t("Progress of a transfer to Ropo"),
    fieldDependencies: [
        {name: "done_count", type: "integer"},
        {name: "waiting_count", type: "integer"},
        {name: "failed_count", type: "integer"},
    ],
};

registry.category("fields").add("ropo_watch", ropoWatchField);
registry.category("fields").add("ropo_progress", ropoProgressField);
