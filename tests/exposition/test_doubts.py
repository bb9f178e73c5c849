"""What is doubtful about the answers of APIs."""

from structlog.testing import capture_logs

from dataflows.listings import Source
from dataflows.outputs import AnswerCompared
from exporter.exposition.doubts import Doubts, problems_of_apis
from exporter.exposition.snapshot_status import SourceStatus
from exporter.exposition.telemetry import BusStatus


def test_the_subsystems_of_one_api_are_doubted_by_themselves() -> None:
    bus = BusStatus("default", "amqp://x", "wazo-headers")
    bus.sources[Source.CALLD] = SourceStatus()
    doubts = Doubts([bus])

    def compare(subsystem: str, lacking: int) -> None:
        doubts(AnswerCompared("default", subsystem, Source.CALLD, lacking, 0))

    with capture_logs() as logs:
        for _ in range(2):
            compare("lines", 5)
            compare("trunks", 0)
    [problem] = problems_of_apis(bus)
    assert problem.startswith("calld lacks 5 lines that events told of")
    assert len(logs) == 1
    compare("trunks", 4)
    of_lines, of_trunks = problems_of_apis(bus)
    assert "5 lines" in of_lines
    assert "4 trunks" in of_trunks
    compare("lines", 0)
    compare("trunks", 0)
    assert problems_of_apis(bus) == ()
