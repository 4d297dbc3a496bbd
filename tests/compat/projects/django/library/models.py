from django.db import models


class Book(models.Model):
    title = models.CharField(max_length=50, unique=True)

    class Meta:
        app_label = "library"
