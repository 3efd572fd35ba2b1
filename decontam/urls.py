from django.urls import include, path

from decontam.views import applying, duplicates, overlap, review

in_project = [
    path("", overlap.overlap, name="decontamination"),
    path("scans/new/", overlap.scan_new, name="scan-new"),
    path("scans/<int:pk>/", overlap.scan, name="scan"),
    path("scans/<int:pk>/matches/", review.matches, name="matches"),
    path("scans/<int:pk>/review/", review.review, name="review"),
    path("scans/<int:pk>/review/<int:seq>/", review.review_pair, name="review-pair"),
    path("scans/<int:pk>/review/<int:seq>/rule/", review.rule_match, name="rule-match"),
    path("scans/<int:pk>/rule/", review.rule_many, name="rule-many"),
    path("scans/<int:pk>/undo/", review.undo, name="undo-ruling"),
    path("scans/<int:pk>/preview/", applying.apply_preview, name="apply-preview"),
    path("scans/<int:pk>/apply/", applying.apply, name="apply"),
    path("duplicates/new/", duplicates.dedupe_new, name="dedupe-new"),
    path("duplicates/<int:pk>/", duplicates.clusters, name="clusters"),
    path("certificates/<int:pk>/", overlap.certificate, name="certificate"),
    path("certificates/<int:pk>/certificate.json", overlap.certificate_json, name="certificate-json"),
]
urlpatterns = [path("p/<slug:project>/decontamination/", include(in_project))]
