"""The semantic method: rows that say what a benchmark item says, found at a stated rate of false alarms."""

from decontam.engine.semantic.calibration import Calibration
from decontam.engine.semantic.config import SemanticConfig
from decontam.engine.semantic.encoders import Encoder, EndpointEncoder, load_encoder
from decontam.engine.semantic.index import SemanticIndex

__all__ = ["Calibration", "Encoder", "EndpointEncoder", "SemanticConfig", "SemanticIndex", "load_encoder"]
