# What an operator starts from; installed beside the documentation, so that no install overwrites /etc.
dist_doc_DATA = etc/tandem.yaml
