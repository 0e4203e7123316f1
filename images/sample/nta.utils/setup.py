from setuptools import find_packages, setup

setup(
    name="nta.utils",
    version="1.0.0",
    description="Settings, logging, database and queue access of the sample application",
    packages=find_packages(exclude=["tests*"]),
    install_requires=open("requirements.txt").read().split(),
)
