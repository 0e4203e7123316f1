"""Names of queues and exchanges, from application.conf."""

from nta.utils.config import application_config

_CONFIG = application_config()

# Lists of [name, value, unix time], from the listener to the storer.
METRIC_DATA = _CONFIG.get("metric_listener", "queue_name")
# {"uid": …} of metrics with rows to score, to the model runner.
MODEL_INPUT = _CONFIG.get("model_runner", "input_queue_name")
# Fanout exchange with the model runner's results, see model_runner.publish.
MODEL_RESULTS = _CONFIG.get("metric_streamer", "results_exchange_name")
