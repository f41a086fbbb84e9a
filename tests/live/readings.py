"""Our readings of the interface: what Maventa's public documentation does not say.

Each is a sentence that a run against Maventa's test environment may prove or refute.
Where one is wrong, `maventa/wire.py` is the place to mend it.
"""

READINGS = {
    "token": "The token endpoint takes the three keys as documented.",
    "current": "/oauth2/current answers, or refuses for want of the right global.",
    "scopes": "company, invoice:send and receivables:assignments are granted.",
    "service state": "The state of the Ropo service is named as for its siblings; 404 "
    "means that it was never activated.",
    "activation": "Any 2xx to the order of the service is success.",
    "own id": "An upload keeps the uuid that we send.",
    "upload repeated": "The same uuid again is the same invoice.",
    "look-up": "An invoice stored without sending is among the sent ones.",
    "look-up fields": "number, sum_tax and currency are those of the invoice.",
    "exact number": "The look-up matches whole numbers only.",
    "stored status": "An invoice that is only stored counts as delivered.",
    "no request yet": "Before a transfer its state is 404 with code not_found.",
    "transfer accepted": "Any 2xx means that the claim was accepted for processing.",
    "transfer fields": "The fields of a transfer are named as we send them.",
    "payer fields": "The fields of a debtor are named as we send them.",
    "amounts": "The claim is what we state in amounts, not the invoice's total.",
    "transfer state": "A transfer is pending, sent or error.",
    "case number": "assignment_id, id or the link tells the number of the case.",
    "link": "A case names its invoice in invoice_id or reference_ids.",
    "list": "The list of cases is a list, or an object that holds one.",
    "paging headers": "X-Total, X-Total-Pages and X-Next-Page tell of pages.",
    "filter": "The list of cases can be filtered by invoice_id.",
    "case status": "A case is open, partially_closed or closed.",
    "stage": "The stage is one of the documented four.",
    "events in the case": "A case comes with its events.",
    "report paid": "A payment is reported with type, sum_paid and booked_at.",
    "report credit_note": "A credit note is reported with type, credit_sum and "
    "booked_at.",
    "number of a report": "The answer to a report has the number of the event.",
    "report read back": "A report is in the list with its type, amount and date.",
    "number read back": "It is listed under the number that was answered.",
    "credited in full": "A case that is credited in full is closed.",
    "closing": "After DELETE the service is closed or inactive.",
}
