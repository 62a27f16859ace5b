"""The business of the service: items in the database."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, StringConstraints

router = APIRouter(prefix="/items")


class NewItem(BaseModel):
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Item(NewItem):
    id: int
    created_at: datetime


@router.get("")
async def list_items(request: Request) -> list[Item]:
    async with request.app.state.database.connection() as connection:
        rows = await connection.fetch("SELECT id, name, created_at FROM items ORDER BY id DESC LIMIT 100")
    return [Item(**row) for row in rows]


@router.post("", status_code=201)
async def add_item(request: Request, item: NewItem) -> Item:
    async with request.app.state.database.connection() as connection:
        row = await connection.fetchrow("INSERT INTO items (name) VALUES ($1) RETURNING id, name, created_at", item.name)
    return Item(**row)
