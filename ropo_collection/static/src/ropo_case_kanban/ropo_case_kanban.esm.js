import {_t} from "@web/core/l10n/translation";
import {kanbanView} from "@web/views/kanban/kanban_view";
import {registry} from "@web/core/registry";

/**
 * Cases that Ropo has not begun with have no stage: their column needs a name, too.
 */
export class RopoCaseModel extends kanbanView.Model {}

RopoCaseModel.Group = class extends kanbanView.Model.Group {
    setup(config, data) {
        super.setup(config, data);
        this.displayName = this.displayName || _t("No stage yet");
    }
};

registry.category("views").add("ropo_case_kanban", {
    ...kanbanView,
    Model: RopoCaseModel,
});
