"""One metric's NuPIC model and anomaly likelihood, and their checkpoints on disk."""

import cPickle
import os
import shutil

from nupic.algorithms.anomaly_likelihood import AnomalyLikelihood
from nupic.frameworks.opf.common_models.cluster_params import getScalarMetricWithTimeOfDayAnomalyParams
from nupic.frameworks.opf.modelfactory import ModelFactory

# Samples from which the model learns before its predictions count, and from which the distribution of its errors is first
# estimated. Until then scores are 0.
LEARNING_SAMPLES = 288
ESTIMATION_SAMPLES = 100


class Model(object):
    """Scores samples in order. rowid: of the last sample seen."""

    def __init__(self, network, likelihood, rowid):
        self._network = network
        self._likelihood = likelihood
        self.rowid = rowid

    @classmethod
    def create(cls, minimum, maximum):
        """A new model for values between minimum and maximum."""
        parameters = getScalarMetricWithTimeOfDayAnomalyParams(metricData=[0], minVal=minimum, maxVal=maximum)
        # By the value alone: with the time of day, half of what the model sees of a single spike is as it expected.
        encoders = parameters["modelConfig"]["modelParams"]["sensorParams"]["encoders"]
        for name in encoders:
            if name.startswith("c0_"):
                encoders[name] = None
        network = ModelFactory.create(parameters["modelConfig"])
        network.enableLearning()
        network.enableInference(parameters["inferenceArgs"])
        return cls(network, AnomalyLikelihood(LEARNING_SAMPLES, ESTIMATION_SAMPLES), 0)

    def score(self, rowid, timestamp, value):
        """Takes the next sample. Returns its raw anomaly score and the likelihood that it is an anomaly, both 0 to 1."""
        raw = self._network.run({"c0": timestamp, "c1": value}).inferences["anomalyScore"]
        likelihood = self._likelihood.anomalyProbability(value, raw, timestamp)
        self.rowid = rowid
        return float(raw), float(likelihood) if rowid > LEARNING_SAMPLES + ESTIMATION_SAMPLES else 0.0

    @staticmethod
    def _checkpoints(folder):
        """Row ids of the checkpoints in the folder, oldest first."""
        return sorted(int(name) for name in os.listdir(folder) if name.isdigit()) if os.path.isdir(folder) else []

    def save(self, folder):
        """Writes a checkpoint to FOLDER/ROWID and removes older ones. It appears whole or not at all."""
        unfinished = os.path.join(folder, "unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        os.makedirs(unfinished)
        self._network.save(os.path.join(unfinished, "network"))
        with open(os.path.join(unfinished, "likelihood.pickle"), "wb") as stream:
            cPickle.dump(self._likelihood, stream, cPickle.HIGHEST_PROTOCOL)
        older = self._checkpoints(folder)
        if self.rowid in older:
            shutil.rmtree(unfinished)
            return
        os.rename(unfinished, os.path.join(folder, str(self.rowid)))
        for rowid in older:
            shutil.rmtree(os.path.join(folder, str(rowid)), ignore_errors=True)

    @classmethod
    def load(cls, folder):
        """The newest checkpoint in the folder, or None."""
        checkpoints = cls._checkpoints(folder)
        if not checkpoints:
            return None
        path = os.path.join(folder, str(checkpoints[-1]))
        network = ModelFactory.loadFromCheckpoint(os.path.join(path, "network"))
        with open(os.path.join(path, "likelihood.pickle"), "rb") as stream:
            return cls(network, cPickle.load(stream), checkpoints[-1])
