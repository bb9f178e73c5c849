from tests.corpus import OTHER_ORIGIN, load
from tests.pipeline import Pipeline, assert_exposition

SENT = load("faxes/wazo-26.04_fax_outbound_succeeded")
FAILED = load("faxes/wazo-26.04_fax_outbound_failed")


def test_faxes_count_by_outcome() -> None:
    pipeline = Pipeline()
    pipeline.send(SENT)
    assert_exposition(
        pipeline,
        """
        xivo_faxes_total{origin_uuid="ca7f…",outcome="succeeded"} 1
        xivo_faxes_total{origin_uuid="ca7f…",outcome="failed"} 0
        """,
    )
    pipeline.send(FAILED, load("faxes/wazo-26.04_fax_outbound_failed_no-user"))
    assert pipeline.value("xivo_faxes_total", "failed") == 2


def test_the_copy_for_the_user_does_not_count() -> None:
    pipeline = Pipeline()
    pipeline.send(SENT, load("unused/wazo-26.04_fax_outbound_user_succeeded"))
    assert pipeline.value("xivo_faxes_total", "succeeded") == 1


def test_a_fax_has_one_outcome() -> None:
    pipeline = Pipeline()
    pipeline.send(SENT, SENT, FAILED.but(id=SENT.content["data"]["id"]))
    assert_exposition(pipeline, 'xivo_faxes_total{origin_uuid="ca7f…",outcome="succeeded"} 1')


def test_faxes_of_two_servers_are_counted_apart() -> None:
    pipeline = Pipeline()
    pipeline.send(SENT, SENT.but(origin=OTHER_ORIGIN))
    assert_exposition(
        pipeline,
        """
        xivo_faxes_total{origin_uuid="ca7f…",outcome="succeeded"} 1
        xivo_faxes_total{origin_uuid="0d6c…",outcome="succeeded"} 1
        """,
    )
