"""What the web client asks for when a user opens a screen, read from the views.

Each request is what the client of Odoo 19 sends: `web_search_read` of a list,
`web_read_group` of a grouped list or a kanban (with `read_progress_bar`),
`formatted_read_grouping_sets` of a pivot, `formatted_read_group` of a graph,
`get_activity_data`, `web_read` of a form.
"""

import itertools
from datetime import date, timedelta

from lxml import etree

from odoo.fields import Domain
from odoo.tools.safe_eval import datetime, safe_eval

#: Records of a page, and how far the client lets a list be counted.
PAGE, COUNTED = 80, 10_001
NUMBERS = ("float", "integer", "monetary")


def views_of(model, view_type, view=None, **context):
    """The view as the client gets it."""
    model = model.with_context(**context)
    found = model.get_views([(view.id if view else False, view_type)])
    return etree.fromstring(found["views"][view_type]["arch"])


def specification(model, arch):
    """Which fields the client asks for, to show this view."""
    asked = {}
    for node in arch.iterdescendants("field"):
        above = (other.tag for other in node.iterancestors())
        inside = itertools.takewhile(lambda tag, top=arch.tag: tag != top, above)
        if "field" in inside or node.get("name") not in model._fields:
            continue
        field = model._fields[node.get("name")]
        if field.type == "many2one":
            asked[field.name] = {"fields": {"display_name": {}}}
        elif field.type in ("one2many", "many2many"):
            asked[field.name] = _of_many(model.env[field.comodel_name], node)
        else:
            asked[field.name] = {}
    return asked


def _of_many(model, node):
    inner = next((child for child in node if child.tag in ("list", "kanban")), None)
    if inner is not None:
        return {"fields": specification(model, inner), "limit": 40}
    if node.get("widget") == "many2many_tags":
        return {"fields": {"display_name": {}}}
    return {}


def sums_of(model, names):
    fields = model.fields_get(names, ("aggregator", "type"))
    return [
        f"{name}:{field['aggregator']}"
        for name, field in fields.items()
        if field["type"] in NUMBERS and field.get("aggregator")
    ]


def grouped(model, by):
    """A field to group by as the client names it: dates by month."""
    dated = model._fields[by.split(":")[0]].type in ("date", "datetime")
    return f"{by}:month" if dated and ":" not in by else by


class Screen:
    """One request: its name, of which kind it is, and what to call."""

    def __init__(self, name, kind, call):
        self.name, self.kind, self.call = name, kind, call


def of_action(action, every=True, stages=None):
    """The screens behind a menu: each view, and the list with each filter and group.

    :param every: with each filter and group, not only as it opens; or the names of
        those that count
    :param stages: what a kanban is grouped by that has no groups of its own
    """
    env = action.env
    context = safe_eval(action.context or "{}", {"uid": env.uid})
    model = env[action.res_model].with_context(**context)
    domain = Domain(safe_eval(action.domain or "[]", {"uid": env.uid}))
    search = views_of(model, "search", action.search_view_id)
    filters, groups, beside, part = {}, {}, {}, 0
    for node in search.iterdescendants("filter", "separator"):
        part += node.tag == "separator"
        if node.tag == "separator" or node.get("invisible") in ("1", "True"):
            continue
        name = node.get("name")
        beside[name] = part
        if node.get("date"):
            filters[name] = this_month(node.get("date"))
        elif node.get("domain"):
            filters[name] = Domain(_evaluated(env, node.get("domain")))
        elif "group_by" in node.get("context", ""):
            groups[name] = safe_eval(node.get("context"))["group_by"]
    chosen = {
        key.removeprefix("search_default_")
        for key, value in context.items()
        if key.startswith("search_default_") and value
    }
    # Filters that stand together are alternatives.
    together = {}
    for name in filters:
        if name in chosen:
            together.setdefault(beside[name], []).append(filters[name])
    opened = domain & Domain.AND(map(Domain.OR, together.values()))
    group = next((groups[name] for name in groups if name in chosen), None)
    title = action.path or action.name
    # Sums over the history of every case, whatever is shown of them.
    kind = "report" if model._name == "ropo.figures" else None
    views = {mode: view for view, mode in action.views}
    views = {mode: env["ir.ui.view"].browse(view) for mode, view in views.items()}
    for mode in views:
        if mode != "form":
            arch = views_of(model, mode, views[mode])
            by = group or (stages if mode == "kanban" else None)
            call = SHOWN[mode](model, arch, opened, by)
            yield Screen(f"{title}, {mode}", kind or mode, call)
    if not every:
        return
    arch = views_of(model, "list", views["list"])
    for name, told in filters.items():
        if every is True or name in every:
            call = shown_list(model, arch, domain & told, None)
            yield Screen(f"{title}, list, {name}", kind or "list", call)
    for name, by in groups.items():
        if every is True or name in every:
            # A group-by is pressed on the list as it opens.
            call = shown_list(model, arch, opened, by)
            yield Screen(f"{title}, list, {name}", kind or "group", call)


def _evaluated(env, domain):
    return safe_eval(
        domain,
        {
            "uid": env.uid,
            "context_today": date.today,
            "datetime": datetime,
        },
    )


def this_month(name):
    first = date.today().replace(day=1)
    return Domain(name, ">=", str(first)) & Domain(
        name, "<", str(first + timedelta(days=31))
    )


def shown_list(model, arch, domain, group):
    asked = specification(model, arch)
    order = arch.get("default_order")
    if not group:
        return lambda: model.web_search_read(
            list(domain), asked, limit=PAGE, order=order, count_limit=COUNTED
        )
    return lambda: model.web_read_group(
        list(domain), [grouped(model, group)], sums_of(model, asked), limit=PAGE
    )


def shown_kanban(model, arch, domain, group):
    asked = specification(model, arch)
    group = group or arch.get("default_group_by")
    if not group:
        return lambda: model.web_search_read(
            list(domain), asked, limit=40, count_limit=COUNTED
        )
    bar = arch.find("progressbar")

    def shown():
        model.web_read_group(
            list(domain),
            [grouped(model, group)],
            sums_of(model, asked),
            auto_unfold=True,
            unfold_read_specification=asked,
            unfold_read_default_limit=40,
        )
        if bar is not None:
            told = {
                "field": bar.get("field"),
                "colors": safe_eval(bar.get("colors")),
                "sum_field": bar.get("sum_field"),
            }
            model.read_progress_bar(list(domain), group, told)

    return shown


def _axes(model, arch, *kinds):
    names = [
        node.get("name") + (f":{node.get('interval')}" if node.get("interval") else "")
        for node in arch.iterdescendants("field")
        if node.get("type") in kinds and node.get("invisible") not in ("1", "True")
    ]
    return [grouped(model, name) for name in names]


def shown_pivot(model, arch, domain, _group):
    rows, columns = _axes(model, arch, "row"), _axes(model, arch, "col")
    sets = [
        rows[:down] + columns[:across]
        for down in range(len(rows) + 1)
        for across in range(len(columns) + 1)
    ]
    sums = [*sums_of(model, _axes(model, arch, "measure")), "__count"]
    return lambda: model.formatted_read_grouping_sets(list(domain), sets, sums)


def shown_graph(model, arch, domain, _group):
    by = _axes(model, arch, "row", "col", None)
    sums = [*sums_of(model, _axes(model, arch, "measure")), "__count"]
    return lambda: model.formatted_read_group(list(domain), by, sums)


def shown_activities(model, _arch, domain, _group):
    return lambda: model.env["mail.activity"].get_activity_data(
        model._name, list(domain), limit=100
    )


def shown_form(record, arch=None):
    arch = views_of(record, "form") if arch is None else arch
    asked = specification(record, arch)
    return lambda: record.with_context(bin_size=True).web_read(asked)


SHOWN = {
    "list": shown_list,
    "kanban": shown_kanban,
    "pivot": shown_pivot,
    "graph": shown_graph,
    "activity": shown_activities,
}
