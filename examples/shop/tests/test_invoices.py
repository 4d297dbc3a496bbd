"""The text of an invoice."""

from shop.invoices import Invoice, InvoiceLine, InvoiceNumbers


def test_total(make_invoice):
    assert make_invoice(price=750).total == 1500


def test_text(make_invoice):
    assert make_invoice().render() == (
        "Invoice T-2024-0001\n"
        "Ada\n"
        "----------------------------------------\n"
        "2 x Coffee mug                 23.80 EUR\n"
        "----------------------------------------\n"
        "Total                          23.80 EUR\n"
        "VAT included                    3.80 EUR\n"
    )


def test_heading_names_the_company(make_invoice):
    invoice = make_invoice(InvoiceNumbers(2024).next())
    assert invoice.render().startswith("Invoice ACME-2024-0001\n")


def test_long_names_are_cut():
    line = InvoiceLine("A very long name for a rather small thing", 1, 100)
    rows = Invoice("T-1", "Ada", (line,)).render().splitlines()
    assert {len(row) for row in rows[2:]} == {40}


def test_line_total():
    assert InvoiceLine("Pen", 3, 2490).total == 7470
