from . import diagnostics
from . import portal
