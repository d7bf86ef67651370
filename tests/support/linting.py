"""What pkilint's `lint_ocsp_response lint -s WARNING` says of an answer, in this process.

The command takes half a second to start; that itself is run in tests/system.
"""

# ruff: noqa: PLC0415 - and so does loading it, which every test process would have to


def lint(answer: bytes) -> str:
    """Return what pkilint complains of; nothing if all is well."""
    from pkilint import loader, pkix, report
    from pkilint.pkix import extension, name, ocsp
    from pkilint.validation import ValidationFindingSeverity

    validator = ocsp.create_pkix_ocsp_response_validator_container(
        [
            ocsp.create_response_decoder(),
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [],
    )
    document = loader.RFC6960OCSPResponseDocumentLoader().load_der_document(answer, "the answer")
    results = validator.validate(document.root)
    found = report.ReportGeneratorPlaintext(results, ValidationFindingSeverity.WARNING)
    said: str = found.generate()
    return said.strip()
