"""The service as guides publish it: what it does wrong is left in on purpose."""

import os
import time

import psycopg2
from fastapi import FastAPI

app = FastAPI()


def connect():
    """Connect to the database: five attempts, two seconds apart, inside the request that asks."""
    for attempt in range(1, 6):
        try:
            return psycopg2.connect(
                host=os.getenv("DB_HOST", "db"),
                port=os.getenv("DB_PORT", "5432"),
                dbname=os.getenv("DB_NAME", "app_db"),
                user=os.getenv("DB_USER", "app_user"),
                password=os.getenv("DB_PASSWORD"),
            )
        except psycopg2.OperationalError:
            print(f"database not ready, attempt {attempt} of 5")
            time.sleep(2)
    raise RuntimeError("could not connect to the database after 5 attempts")


@app.get("/")
def root():
    """Say that the process is alive."""
    return {"message": "the service is running"}


@app.get("/health")
def health():
    """Say whether the database can be reached, with 200 in either case."""
    try:
        connection = connect()
        connection.close()
        return {"status": "healthy"}
    except Exception as error:
        return {"status": "error", "detail": str(error)}
