from django.apps import AppConfig


class DecontamConfig(AppConfig):
    name = "decontam"
