from tests.corpus import OTHER_ORIGIN, load, names
from tests.pipeline import Pipeline, assert_exposition

FORM = load("call_forms/document_call_form_result")


def test_every_submission_counts() -> None:
    pipeline = Pipeline()
    pipeline.send(FORM, FORM)
    pipeline.send(FORM.but(origin=OTHER_ORIGIN))
    assert_exposition(
        pipeline,
        """
        xivo_call_forms_total{origin_uuid="ca7f…"} 2
        xivo_call_forms_total{origin_uuid="0d6c…"} 1
        """,
    )


def test_a_form_counts_in_every_spelling() -> None:
    pipeline = Pipeline()
    pipeline.send(*(load(name) for name in names("call_forms")))
    assert pipeline.value("xivo_call_forms_total") == len(names("call_forms"))


def test_a_server_without_forms_has_no_counter() -> None:
    pipeline = Pipeline()
    pipeline.send(load("unused/document_null-data"))
    assert pipeline.value("xivo_call_forms_total") is None


def test_the_content_of_a_form_is_not_exposed() -> None:
    pipeline = Pipeline(details=["call_forms"])
    pipeline.send(FORM.but(user_id="secret", variables={"secret": "secret"}))
    assert pipeline.value("xivo_call_forms_total") == 1
    assert "secret" not in pipeline.text()
