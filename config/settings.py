"""One settings file, driven by the environment; docs/settings.md explains every variable."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import dj_database_url
import fsspec
from csp.constants import NONE, SELF, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured

from config.environment import beginning_with, boolean, choice, folder, listing, number, secret, text

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = Path(text("WINNOW_HOME", str(BASE_DIR / "var"))).resolve()
folder("WINNOW_HOME", HOME)

DEBUG = boolean("WINNOW_DEBUG", False)
SECRET_KEY = secret("WINNOW_SECRET_KEY", HOME / "secret-key")
ALLOWED_HOSTS = listing("WINNOW_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = listing("WINNOW_TRUSTED_ORIGINS", "")
if wrong := [origin for origin in CSRF_TRUSTED_ORIGINS if not origin.startswith(("http://", "https://"))]:
    raise ImproperlyConfigured(f"WINNOW_TRUSTED_ORIGINS: {wrong[0]} must begin with http:// or https://.")

INSTALLED_APPS = [
    "curation.apps.CurationConfig",
    "decontam.apps.DecontamConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "ninja",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "curation.middleware.AddressedErrors",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "sesame.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
PASSWORD_RESET_TIMEOUT = 3 * 24 * 60 * 60
SESAME_ONE_TIME = True
SESAME_MAX_AGE = 24 * 60 * 60

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "curation.access.in_project",
            ]
        },
    }
]
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = HOME / "static"
folder("WINNOW_HOME", STATIC_ROOT)
WHITENOISE_USE_FINDERS = True

LANGUAGE_CODE = "en"
TIME_ZONE = text("WINNOW_TIME_ZONE", "UTC")
if TIME_ZONE not in available_timezones():
    raise ImproperlyConfigured(f"WINNOW_TIME_ZONE is {TIME_ZONE!r}; use a name such as Europe/Berlin.")
USE_TZ = True
USE_THOUSAND_SEPARATOR = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def _database() -> dict[str, Any]:
    url = text("WINNOW_DATABASE_URL", f"sqlite:///{HOME / 'winnow.sqlite3'}")
    try:
        database: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
    except ValueError as error:
        raise ImproperlyConfigured(f"WINNOW_DATABASE_URL cannot be read: {error}") from None
    if database["ENGINE"] == "django.db.backends.sqlite3":
        # Deferred transactions fail with "locked" at once under concurrent writers, whatever the timeout.
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
        database["TEST"] = {"NAME": HOME / "test.sqlite3"}
    elif database["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("WINNOW_DATABASE_URL must begin with sqlite:/// or postgresql://.")
    return database


DATABASES = {"default": _database()}

STORE_URL = text("WINNOW_STORE", str(HOME / "store"))
if fsspec.core.split_protocol(STORE_URL)[0] not in {None, *fsspec.available_protocols()}:
    raise ImproperlyConfigured(f"WINNOW_STORE is {STORE_URL!r}; no store of that kind is known.")
if "://" not in STORE_URL:
    folder("WINNOW_STORE", Path(STORE_URL))
ACCEL_PREFIX = text("WINNOW_ACCEL_PREFIX", "")
if ACCEL_PREFIX and not (ACCEL_PREFIX.startswith("/") and ACCEL_PREFIX.endswith("/")):
    raise ImproperlyConfigured(
        f"WINNOW_ACCEL_PREFIX is {ACCEL_PREFIX!r}; it must begin and end with a slash, such as /store/."
    )
SILENCE = number("WINNOW_SILENCE_SECONDS", 60, least=1, most=3600)
WORKERS = int(number("WINNOW_WORKERS", 0, least=0, most=512, whole=True))

IMPORT_ROOTS = [Path(root) for root in listing("WINNOW_IMPORT_ROOTS", "")]
if relative := [root for root in IMPORT_ROOTS if not root.is_absolute()]:
    raise ImproperlyConfigured(f"WINNOW_IMPORT_ROOTS: {relative[0]} must be an absolute path.")
TOKENIZERS = Path(text("WINNOW_TOKENIZERS", "")).absolute() if text("WINNOW_TOKENIZERS", "") else None
MAX_UPLOAD_BYTES = int(number("WINNOW_MAX_UPLOAD_MB", 2048, least=1, most=1 << 20, whole=True)) << 20
MAX_DOWNLOAD_BYTES = int(number("WINNOW_MAX_DOWNLOAD_MB", 20480, least=1, most=1 << 24, whole=True)) << 20
MAX_UNPACKED_BYTES = int(number("WINNOW_MAX_UNPACKED_GB", 200, least=1, most=1024, whole=True)) << 30
ALLOW_PRIVATE_ADDRESSES = boolean("WINNOW_ALLOW_PRIVATE_ADDRESSES", False)
ENDPOINT_KEYS = beginning_with("WINNOW_ENDPOINT_KEY_")
FILE_UPLOAD_HANDLERS = [
    "curation.locations.CappedUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

BROKER_URL = text("WINNOW_BROKER_URL", f"filesystem://{HOME / 'broker'}")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "cpu"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
if BROKER_URL.startswith("filesystem://"):
    _broker = Path(BROKER_URL.removeprefix("filesystem://"))
    for _folder in ("messages", "control"):
        folder("WINNOW_BROKER_URL", _broker / _folder)
    CELERY_BROKER_URL = "filesystem://localhost//"
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "data_folder_in": str(_broker / "messages"),
        "data_folder_out": str(_broker / "messages"),
        "control_folder": str(_broker / "control"),
        "polling_interval": 0.1,
    }
elif BROKER_URL.startswith(("redis://", "rediss://")):
    CELERY_BROKER_URL = BROKER_URL
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_connect_timeout": 5}
else:
    raise ImproperlyConfigured("WINNOW_BROKER_URL must begin with filesystem://, redis:// or rediss://.")

# A nonce does not cover style attributes; ours carry numbers alone, as custom properties.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "style-src-attr": [UNSAFE_INLINE],
        "img-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = boolean("WINNOW_HTTPS", False)
if SESSION_COOKIE_SECURE:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SILENCED_SYSTEM_CHECKS = [
        "security.W005",
        "security.W021",
    ]  # other subdomains are not ours to decide over


def _worth_a_line(record: logging.LogRecord) -> bool:
    """
    Clients of a Hub ask for files that need not be there, several for each data set that they load. The address of a
    link is its key, so no refusal of one is written down, and of an error only where it happened.
    """
    path = getattr(getattr(record, "request", None), "path", "")
    status = getattr(record, "status_code", 0)
    if path.startswith("/d/"):
        record.msg, record.args = "%s: /d/…/%s", (record.levelname, path.rpartition("/")[2])
        return status >= 500
    return not (status == 404 and path.startswith("/hf/"))


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"quiet": {"()": "django.utils.log.CallbackFilter", "callback": _worth_a_line}},
    "loggers": {"django.request": {"filters": ["quiet"]}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["stderr"],
        "level": choice("WINNOW_LOG_LEVEL", "WARNING", {"DEBUG", "INFO", "WARNING", "ERROR"}),
    },
}
