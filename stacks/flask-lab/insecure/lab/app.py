"""The same page, served as one does on one's own machine."""

from flask import Flask, jsonify

app = Flask(__name__)


@app.get("/")
def index():
    """Say hello."""
    return jsonify(message="hello from the lab")


@app.get("/health")
def health():
    """Say that all is well."""
    return jsonify(status="ok")


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000, debug=True)
