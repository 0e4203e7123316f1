from setuptools import find_packages, setup

setup(
    name="taurus_metric_collectors",
    version="1.0.0",
    description="Metric collectors of the sample application",
    packages=find_packages(exclude=["tests*"]),
    install_requires=open("requirements.txt").read().split(),
    entry_points={
        "console_scripts": [
            "taurus-collectors-set-opmode = taurus_metric_collectors.settings:opmode",
            "taurus-set-collectorsdb-login = taurus_metric_collectors.settings:sql",
        ]
    },
)
