# The demo's mail catcher: takes every mail over STARTTLS and prints it, sends none.
ARG BASE_IMAGE=python:3.13-slim
FROM ${BASE_IMAGE}
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONSAFEPATH=1
WORKDIR /source
COPY requirements.lock ./
COPY deploy/locked.sh deploy/
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/etc/pip.conf,required=false \
    deploy/locked.sh pip > /tmp/pip.txt \
 && python -m pip install --quiet --only-binary :all: --require-hashes --requirement /tmp/pip.txt \
 && python -m pip install --quiet --only-binary :all: --require-hashes --constraint requirements.lock aiosmtpd
WORKDIR /
USER 10001:10001
EXPOSE 2525
HEALTHCHECK --interval=5s --timeout=4s CMD ["python", "-S", "-c", "import socket; socket.create_connection(('127.0.0.1', 2525), 3).close()"]
ENTRYPOINT ["python", "-m", "aiosmtpd", "--nosetuid", "--listen", "0.0.0.0:2525", "--tlscert", "/run/secrets/tls.crt", "--tlskey", "/run/secrets/tls.key", "--class", "aiosmtpd.handlers.Debugging", "stdout"]
