from setuptools import find_packages, setup

setup(
    name="taurus_engine",
    version="1.0.0",
    description="Server of the sample application",
    packages=find_packages(exclude=["tests*"]),
    install_requires=open("requirements.txt").read().split(),
    entry_points={
        "console_scripts": [
            "taurus-set-rabbitmq = taurus_engine.set_login:rabbitmq",
            "taurus-set-sql-login = taurus_engine.set_login:sql",
            "taurus-set-dynamodb = taurus_engine.set_login:dynamodb",
            "taurus-set-api-key = taurus_engine.set_login:api_key",
        ]
    },
)
