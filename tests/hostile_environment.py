"""A shell that is set up for everything else: what other programs' users export, pointing where nothing answers.

Each of these has stopped a command, or sent it elsewhere, or could.
"""

from __future__ import annotations

NOWHERE = "http://127.0.0.1:1"
MISSING = "/nonexistent/hostile"

PROXIES = {
    **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), NOWHERE),
    "no_proxy": "intranet.example",
}
AWS = {
    "AWS_PROFILE": "nope",
    "AWS_DEFAULT_PROFILE": "nope",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:2",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:3",
    "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:3",
    "AWS_ENDPOINT_URL_GLUE": "http://127.0.0.1:3",
    "AWS_ENDPOINT_URL_SSM": "http://127.0.0.1:3",
    "AWS_SESSION_TOKEN": "stale",
    "AWS_SECURITY_TOKEN": "stale",
    "AWS_ACCESS_KEY_ID": "AKIAHOSTILE",
    "AWS_REGION": "eu-nowhere-9",
    "AWS_DEFAULT_REGION": "eu-nowhere-9",
    "AWS_CONFIG_FILE": MISSING,
    "AWS_SHARED_CREDENTIALS_FILE": MISSING,
    "AWS_CA_BUNDLE": MISSING,
    "AWS_WEB_IDENTITY_TOKEN_FILE": MISSING,
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/nope",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_MAX_ATTEMPTS": "0",
    "AWS_RETRY_MODE": "nope",
    "AWS_DEFAULTS_MODE": "nope",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "nope",
}
POSTGRES = {
    "PGHOST": "nowhere.invalid",
    "PGHOSTADDR": "192.0.2.1",
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGPASSWORD": "wrong",
    "PGDATABASE": "nope",
    "PGSSLMODE": "verify-full",
    "PGSSLROOTCERT": MISSING,
    "PGSERVICE": "nope",
    "PGSERVICEFILE": MISSING,
    "PGOPTIONS": "-c search_path=nope -c statement_timeout=1",
    "PGTZ": "Asia/Kolkata",
    "PGCLIENTENCODING": "LATIN1",
    "PGREQUIREAUTH": "gss",
    "PGCHANNELBINDING": "require",
    "PGTARGETSESSIONATTRS": "standby",
    "PGDATA": MISSING,
}
TERRAFORM = {
    "TF_CLI_ARGS": "-nonsense",
    "TF_CLI_ARGS_plan": "-destroy",
    "TF_DATA_DIR": MISSING,
    "TF_VAR_environment": "prod",
    "TF_VAR_postgres_password": "wrong",
    "TF_LOG": "ERROR",
    "TF_REATTACH_PROVIDERS": "nonsense",
    "TF_CLI_CONFIG_FILE": MISSING,
}
LIBRARIES = {
    "PYICEBERG_HOME": MISSING,
    "PYICEBERG_CATALOG__SHOPLAKE__URI": NOWHERE,
    "PYICEBERG_CATALOG__SHOPLAKE__TYPE": "rest",
    "PYICEBERG_CATALOG__DEFAULT__S3__ENDPOINT": NOWHERE,
    "FSSPEC_S3_ENDPOINT_URL": NOWHERE,
    "POLARS_MAX_THREADS": "none",
    "POLARS_VERBOSE": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "nope",
    "OMP_NUM_THREADS": "-1",
    "TOKIO_WORKER_THREADS": "0",
    "PROMETHEUS_MULTIPROC_DIR": MISSING,
    "PYDANTIC_DISABLE_PLUGINS": "nope",
    "TERMINAL_WIDTH": "wide",
    "COLUMNS": "wide",
    "FORCE_COLOR": "1",
    "REQUESTS_CA_BUNDLE": MISSING,
    "SSL_CERT_FILE": MISSING,
}
PROGRAMS = {
    "JAVA_TOOL_OPTIONS": "-Xmx8m",
    "_JAVA_OPTIONS": "-Xmx8m",
    "JDK_JAVA_OPTIONS": "-nonsense",
    "JAVA_HOME": MISSING,
    "CLASSPATH": MISSING,
    "KAFKA_OPTS": "-nonsense",
    "KAFKA_HEAP_OPTS": "-Xmx1m",
    "LOG_DIR": MISSING,
    "PERSIST_STATE": "0",
    "S3_PERSIST": "0",
    "GATEWAY_PORT": "1",
    "SERVICES": "s3",
    "LAMBDA_EXECUTOR": "docker",
    "DEBUG": "1",
    "PORT": "1",
    "DOCKER_HOST": "tcp://127.0.0.1:1",
    "COMPOSE_PROJECT_NAME": "nope",
    "GIT_DIR": MISSING,
    "MONGODB_URI": "mongodb://nowhere.invalid",
    "REDIS_URL": "redis://nowhere.invalid",
    "MALLOC_PERTURB_": "165",
    "LD_PRELOAD": MISSING,
    "LC_ALL": "xx_XX.nope",
    "LANG": "xx_XX.nope",
    "TZ": "Asia/Kolkata",
}
PYTHON = {
    "PYTHONPATH": MISSING,
    "PYTHONHOME": MISSING,
    "PYTHONSTARTUP": MISSING,
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONIOENCODING": "ascii",
    "PYTHONHASHSEED": "1",
}
"""For what is started with `-I` or by the launcher: no program could get past PYTHONHOME by itself."""

INSTALLERS = {
    "UV_DEFAULT_INDEX": NOWHERE,
    "UV_INDEX_URL": NOWHERE,
    "UV_CONFIG_FILE": MISSING,
    "UV_OFFLINE": "1",
    "PIP_INDEX_URL": NOWHERE,
    "VIRTUAL_ENV": MISSING,
    "CONDA_PREFIX": MISSING,
}
HOSTILE = {**PROXIES, **AWS, **POSTGRES, **TERRAFORM, **LIBRARIES, **PROGRAMS, **PYTHON, **INSTALLERS}

USER_ON_AWS = {
    "AWS_PROFILE": "dev",
    "AWS_CONFIG_FILE": "/home/a/.aws/other",
    "AWS_CA_BUNDLE": "/etc/company.pem",
    "https_proxy": "http://proxy.example:3128",
    "no_proxy": "127.0.0.1,localhost,::1",
    "NO_PROXY": "127.0.0.1,localhost,::1",
    "VAULT_ADDR": "https://vault.example",
}
"""How somebody logs in to AWS from a company's network."""
