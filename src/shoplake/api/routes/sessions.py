"""Sessions with their carts, from DynamoDB."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from shoplake.api import answers, shapes
from shoplake.api.models import One, Session
from shoplake.api.parameters import AtLeastParameter, PathId
from shoplake.api.routes.common import DynamoDB, responses
from shoplake.api.routes.common import router as routes
from shoplake.api.stores.dynamodb import TOPICS
from shoplake.errors import NotFound

router = routes("sessions")


@router.get("/sessions/{session_id}", response_model=One[Session], responses=responses(304, 404, 504))
async def session(request: Request, session_id: PathId, dynamodb: DynamoDB, at_least: AtLeastParameter) -> Response:
    """A session with its cart. After two years without an event it is removed."""
    positions = await dynamodb.as_of(TOPICS, at_least)
    found = await dynamodb.session(session_id)
    if found is None:
        raise NotFound("no session has this id", fix="if it was just written, add `at_least=`")
    return answers.one(request, shapes.session(session_id, found), positions)
