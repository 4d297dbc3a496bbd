from django.http import JsonResponse
from django.urls import path

from library.models import Book


def titles(request):
    return JsonResponse({"titles": sorted(Book.objects.values_list("title", flat=True))})


urlpatterns = [path("titles/", titles)]
