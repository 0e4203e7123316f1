from setuptools import find_packages, setup

setup(
    name="htmengine",
    version="1.0.0",
    description="Takes metrics in, stores them, scores them with NuPIC",
    packages=find_packages(exclude=["tests*"]),
    install_requires=open("requirements.txt").read().split(),
)
