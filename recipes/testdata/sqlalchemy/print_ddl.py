"""Prints the SQL that makes the tables of all models; it needs no database."""
from sqlalchemy import create_mock_engine

from models import Base


def show(statement, *_, **__):
    print(str(statement.compile(dialect=engine.dialect)).strip() + ";")


engine = create_mock_engine("postgresql://", show)
Base.metadata.create_all(engine, checkfirst=False)
