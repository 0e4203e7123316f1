"""The REST API, as a WSGI application behind nginx. JSON in and out; basic authentication with the API key as user."""

import base64
import json
import re
import sys
import urlparse

import waitress

from htmengine import queues, repository
from nta.utils import amqp
from nta.utils.config import application_config
from nta.utils.service import start_logging, stop_on_signals

LOG = start_logging("taurus_api")
METRIC_FIELDS = ("uid", "datasource", "name", "description", "server", "location", "parameters", "status", "message",
                 "last_timestamp", "poll_interval", "tag_name", "last_rowid")


class Failure(Exception):
    """Ends a request with an HTTP status and a message."""

    def __init__(self, status, message):
        super(Failure, self).__init__(message)
        self.status = status


def describe(metric):
    """A metric as the API shows it."""
    shown = dict((field, metric[field]) for field in METRIC_FIELDS)
    shown["parameters"] = json.loads(metric["parameters"]) if metric["parameters"] else None
    shown["last_timestamp"] = str(metric["last_timestamp"]) if metric["last_timestamp"] else None
    shown["display_name"] = metric["server"]
    return shown


def check_specification(specification):
    """Raises Failure unless it is {"datasource": "custom", "metricSpec": {"metric": … or "uid": …, "resource", "userInfo"},
    "modelParams": {"min", "max"}}; resource, userInfo and modelParams may be left out."""
    def require(condition, message):
        if not condition:
            raise Failure("400 Bad Request", message)
    require(isinstance(specification, dict), "a model is an object")
    require(specification.get("datasource") == "custom", "datasource must be \"custom\"")
    metric = specification.get("metricSpec")
    require(isinstance(metric, dict) and isinstance(metric.get("metric", metric.get("uid")), basestring),
            "metricSpec must name a metric")
    require(isinstance(metric.get("resource", ""), basestring), "metricSpec.resource must be a string")
    require(isinstance(metric.get("userInfo", {}), dict), "metricSpec.userInfo must be an object")
    parameters = specification.get("modelParams", {})
    require(isinstance(parameters, dict), "modelParams must be an object")
    limits = [parameters.get(limit) for limit in ("min", "max")]
    require(all(isinstance(limit, (int, long, float)) and not isinstance(limit, bool) for limit in limits),
            "modelParams.min and modelParams.max must be numbers")
    require(limits[0] < limits[1], "modelParams.min must be below modelParams.max")


def front_page(_request):
    return "200 OK", {"application": "taurus sample"}


def list_datasources(_request):
    return "200 OK", ["custom"]


def list_metrics(_request):
    with repository.transaction() as cursor:
        return "200 OK", [describe(metric) for metric in repository.list_metrics(cursor)]


def list_models(_request):
    with repository.transaction() as cursor:
        return "200 OK", [describe(metric) for metric in repository.list_metrics(cursor, monitored_only=True)]


def create_models(request):
    """Makes metrics models. One that is a model already stays as it is."""
    try:
        specifications = json.loads(request["body"])
    except ValueError as error:
        raise Failure("400 Bad Request", "no JSON: %s" % error)
    if not isinstance(specifications, list):
        specifications = [specifications]
    for specification in specifications:
        check_specification(specification)
    uids = []
    with repository.transaction() as cursor:
        repository.lock_metrics(cursor)
        for specification in specifications:
            wanted = specification["metricSpec"]
            if "uid" in wanted:
                metric = find_or_fail(cursor, wanted["uid"])
            else:
                metric = (repository.find_by_name(cursor, wanted["metric"])
                          or repository.create_metric(cursor, wanted["metric"]))
            if metric["status"] != repository.ACTIVE:
                repository.monitor(cursor, metric["uid"], specification)
            uids.append(metric["uid"])
    connection = amqp.connect()
    try:
        publisher = amqp.Publisher(connection)
        publisher.declare_queue(queues.MODEL_INPUT)
        for uid in uids:
            publisher.to_queue(queues.MODEL_INPUT, {"uid": uid})
    finally:
        connection.close()
    with repository.transaction() as cursor:
        return "201 Created", [describe(repository.find(cursor, uid)) for uid in uids]


def find_or_fail(cursor, uid):
    metric = repository.find(cursor, uid)
    if metric is None:
        raise Failure("404 Not Found", "no metric %s" % uid)
    return metric


def show_model(_request, uid):
    with repository.transaction() as cursor:
        return "200 OK", [describe(find_or_fail(cursor, uid))]


def delete_model(_request, uid):
    with repository.transaction() as cursor:
        find_or_fail(cursor, uid)
        repository.delete_metric(cursor, uid)
        return "200 OK", {"result": "success"}


def show_data(request, uid):
    """Rows newest first: [timestamp, value, anomaly_score, rowid]. Query: limit, anomaly (lowest score)."""
    try:
        limit, anomaly = int(request["query"].get("limit", 0)), float(request["query"].get("anomaly", 0))
    except ValueError as error:
        raise Failure("400 Bad Request", "limit and anomaly are numbers: %s" % error)
    with repository.transaction() as cursor:
        find_or_fail(cursor, uid)
        rows = repository.data_of(cursor, uid, limit if limit > 0 and not anomaly else None)
    rows = [row for row in rows if not anomaly or (row["anomaly_score"] or 0) >= anomaly]
    return "200 OK", {
        "names": ["timestamp", "value", "anomaly_score", "rowid"],
        "data": [[str(row["timestamp"]), row["metric_value"], row["anomaly_score"], row["rowid"]]
                 for row in (rows[:limit] if limit > 0 else rows)],
    }


# Method, path, handler. The first without authentication.
ROUTES = [(method, re.compile(pattern), handler) for method, pattern, handler in (
    ("GET", r"^/?$", front_page),
    ("GET", r"^/_metrics(?:/|/datasources)?$", list_datasources),
    ("GET", r"^/_metrics/custom/?$", list_metrics),
    ("GET", r"^/_models/?$", list_models),
    ("PUT", r"^/_models/?$", create_models),
    ("POST", r"^/_models/?$", create_models),
    ("GET", r"^/_models/([-\w]+)$", show_model),
    ("DELETE", r"^/_models/([-\w]+)$", delete_model),
    ("GET", r"^/_models/([-\w]+)/data$", show_data),
)]


def authorised(environ):
    scheme, _, credentials = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    try:
        user = base64.b64decode(credentials).partition(":")[0]
    except TypeError:
        return False
    return scheme.lower() == "basic" and user == application_config().get("security", "apikey")


def answer(environ):
    """Returns (status, object)."""
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    matching = [(route_method, pattern.match(path), handler) for route_method, pattern, handler in ROUTES if pattern.match(path)]
    if not matching:
        raise Failure("404 Not Found", "no %s here" % path)
    for route_method, match, handler in matching:
        if route_method == method:
            if handler is not front_page and not authorised(environ):
                raise Failure("401 Unauthorized", "Invalid API Key")
            request = {"body": environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)),
                       "query": dict(urlparse.parse_qsl(environ.get("QUERY_STRING", "")))}
            return handler(request, *match.groups())
    raise Failure("405 Method Not Allowed", "%s does not take %s" % (path, method))


def application(environ, start_response):
    headers = [("Content-Type", "application/json; charset=UTF-8")]
    try:
        status, result = answer(environ)
    except Failure as failure:
        status, result = failure.status, {"result": str(failure)}
        if status.startswith("401"):
            headers.append(("WWW-Authenticate", "Basic realm=\"taurus\""))
    except Exception as error:  # pylint: disable=broad-except
        LOG.exception("%s %s", environ["REQUEST_METHOD"], environ["PATH_INFO"])
        status, result = "500 Internal Server Error", {"result": type(error).__name__}
    start_response(status, headers)
    return [json.dumps(result)]


def main():
    stop_on_signals()
    port = application_config().getint("web", "port")
    LOG.info("answering on port %d", port)
    waitress.serve(application, host="127.0.0.1", port=port, threads=8)


if __name__ == "__main__":
    sys.exit(main())
