from sqlalchemy import CheckConstraint, Column, DateTime, Enum, ForeignKey, Integer, String, Text, func
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Author(Base):
    __tablename__ = "authors"
    id = Column(Integer, primary_key=True)
    name = Column(String(100), nullable=False)
    email = Column(String(190), nullable=False, unique=True)


class Post(Base):
    __tablename__ = "posts"
    id = Column(Integer, primary_key=True)
    author_id = Column(ForeignKey("authors.id"), nullable=False, index=True)
    title = Column(String(200), CheckConstraint("title <> ''", name="title_is_there"), nullable=False, server_default="untitled", comment="what it's called")
    state = Column(Enum("draft", "live", name="state"))
    body = Column(Text)
    written = Column(DateTime(timezone=True), server_default=func.now())
