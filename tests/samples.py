"""What tests of all kinds hand over: plainly samples."""

#: A debtor, as values of the client's ``Payer``.
DEBTOR = {
    "kind": "company",
    "name": "Sample Debtor Oy",
    "bid": "1572860-0",
    "street": "Samplestreet 1",
    "zip": "00100",
    "city": "Helsinki",
    "country": "FI",
    "main": True,
}
