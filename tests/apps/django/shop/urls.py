from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.urls import path

from shop.models import Order


def health(request):
    return JsonResponse({"orders": Order.objects.count(), "release": settings.BASE_DIR.name})


def index(request):
    return HttpResponse(f"version {settings.VERSION}, release {settings.BASE_DIR.name}\n")


urlpatterns = [path("health", health), path("", index)]
