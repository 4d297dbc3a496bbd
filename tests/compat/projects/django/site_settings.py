"""A database in a file: two workers in one of them would collide."""

from pathlib import Path

BASE = Path(__file__).parent
SECRET_KEY = "compat"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "library"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(BASE / "production.sqlite3"),
        "TEST": {"NAME": str(BASE / "test.sqlite3")},
        "OPTIONS": {"timeout": 20},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
ROOT_URLCONF = "library.urls"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
