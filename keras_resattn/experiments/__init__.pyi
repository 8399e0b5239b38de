from .influence import Influence as Influence
from .influence import masks_influence as masks_influence
from .influence import write_influence as write_influence
from .response import mean_response as mean_response
from .response import module_outputs as module_outputs
from .response import response_model as response_model
from .response_figure import response_figure as response_figure
from .response_figure import write_response as write_response
