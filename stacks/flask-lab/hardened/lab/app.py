"""A page and a health endpoint."""

from flask import Flask, jsonify

app = Flask(__name__)


@app.get("/")
def index():
    """Say that the process is alive."""
    return jsonify(message="hello from the lab")


@app.get("/health")
def health():
    """Say that requests can be served: there is nothing that they depend on."""
    return jsonify(status="ok")
