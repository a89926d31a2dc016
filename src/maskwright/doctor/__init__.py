"""What is installed, what is broken, and the fix for each."""

from __future__ import annotations

from maskwright.doctor.ailment import Ailment
from maskwright.doctor.examination import Examination, examine

__all__ = ["Ailment", "Examination", "examine"]
