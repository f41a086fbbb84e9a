"""Screens of many cases: each rare thing is found by its index, each view read once.

``./dev bench screens`` measures them with 100,000 cases. Here PostgreSQL may not read
from end to end, and says how it would find the rows otherwise.
"""

from lxml import etree

from odoo.fields import Domain
from odoo.tests import new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

from ..bench import _fill, _history, _plans, _screens
from .common import RopoCommon


@tagged("post_install", "-at_install")
class TestSpeedOfScreens(RopoCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.cr.execute("SET LOCAL session_replication_role = replica")
        moves = _fill.multiply(_fill.prepare(cls.env), 400)
        cls.cases = _fill.make_cases(cls.env, moves, "sent")
        _history.live_through(cls.env, cls.cases)
        cls.env.cr.execute("SET LOCAL session_replication_role = origin")

    def plan(self, statement):
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        self.env.cr.execute(f"EXPLAIN {statement}")
        plan = "\n".join(line for (line,) in self.env.cr.fetchall())
        self.env.cr.execute("SET LOCAL enable_seqscan = on")
        return plan

    def plan_of(self, model, domain, order=None):
        query = self.env[model].sudo()._search(domain, order=order, limit=80)
        select = query.select()
        return self.plan(self.env.cr.mogrify(select.code, select.params).decode())

    def shipped(self, view, name):
        """The domain of a filter as it is delivered."""
        arch = etree.fromstring(self.env.ref(f"ropo_collection.{view}").arch)
        [found] = arch.xpath(f"//filter[@name='{name}']")
        if found.get("date"):
            return _screens.this_month(found.get("date"))
        return Domain(safe_eval(found.get("domain"), {"uid": self.env.uid}))

    def test_filters_of_cases(self):
        view = "ropo_assignment_view_search"
        for name, index in (
            ("attention", "ropo_assignment__needs_attention_index"),
            ("difference", "ropo_assignment_differs"),
            ("excess", "ropo_assignment__excess_since_index"),
            ("disputed", "account_move_ropo_disputed"),
            ("requested_at", "ropo_assignment__requested_at_index"),
            ("closed_at", "ropo_assignment__closed_at_index"),
        ):
            with self.subTest(name):
                domain = self.shipped(view, name)
                self.assertIn(index, self.plan_of("ropo.assignment", domain))

    def test_difference_to_ropo_is_found_both_ways(self):
        domain = self.shipped("ropo_assignment_view_search", "difference")
        less, more, same = self.cases[:3]
        less.sudo().remote_difference = -5
        more.sudo().remote_difference = 5
        same.sudo().remote_difference = 0
        found = self.cases.filtered_domain(domain)
        self.assertEqual(found & (less | more | same), less | more)
        self.assertEqual(self.cases.search(domain) & self.cases, found)

    def test_filters_of_invoices(self):
        for name, found in (
            ("ropo_choose", "Index Cond: ((maventa_lookup)::text = 'choose'"),
            ("ropo_missing", "Index Cond: ((maventa_lookup)::text = 'missing'"),
            ("ropo_other_collector", "Index Cond: (ropo_other_collector = true)"),
            ("ropo_disputed", "account_move_ropo_disputed"),
        ):
            with self.subTest(name):
                domain = self.shipped("account_move_view_search", name)
                self.assertIn(found, self.plan_of("account.move", domain))

    def test_invoices_of_cases(self):
        case = self.cases[0]
        # As PostgreSQL looks for them when the case is deleted, too
        plan = self.plan_of("account.move", [("ropo_assignment_id", "=", case.id)])
        self.assertIn(f"Index Cond: (ropo_assignment_id = {case.id})", plan)

    def test_reports_by_date(self):
        out = Domain("direction", "=", "out")
        month = self.shipped("ropo_assignment_event_view_search", "booked_at")
        plan = self.plan_of(
            "ropo.assignment.event", out & month, "booked_at desc, id desc"
        )
        self.assertIn("ropo_assignment_event_reports", plan)

    def test_control_list(self):
        plan = self.plan_of("ropo.control", [])
        for index in (
            "ropo_assignment__excess_since_index",
            "ropo_assignment__confirmed_at_index",
            "ropo_assignment_event__answer_index",
        ):
            self.assertIn(index, plan)

    def test_money_at_ropo(self):
        plan = self.plan_of("ropo.settlement.open", [])
        self.assertIn("ropo_assignment_event_money_there", plan)

    def test_figures_are_filtered_after_they_are_made(self):
        """Guessed to be few, cases would be joined one by one."""
        for domain in ([("stage", "=", "closed")], [("age", ">", 90)]):
            plan = self.plan_of("ropo.figures", domain)
            self.assertIn("Subquery Scan on figures", plan)

    def test_a_page_of_a_view_reads_it_once(self):
        user = new_test_user(
            self.env, "sample reader", groups="account.group_account_readonly"
        )
        for model, domain in (
            ("ropo.figures", [("to_come", ">", 0), ("age", ">", 500)]),
            ("ropo.control", [("kind", "=", "gate")]),
            ("ropo.settlement.open", []),
        ):
            with self.subTest(model):
                view = self.env[model].with_user(user)
                arch = _screens.views_of(view, "list")
                show = _screens.shown_list(view, arch, Domain(domain), None)
                show()
                self.env.invalidate_all()
                with _plans.executed() as statements:
                    self.assertTrue(show()["records"])
                mine = [told for told in statements if f'AS "{view._table}"' in told]
                self.assertEqual(len(mine), 1, mine)
