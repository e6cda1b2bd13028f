# docker build -t shortship . && docker run -p 8000:8000 -e SHORTSHIP_JWT_SECRET=... -v shortship:/data shortship
# docs/operations.md has the rest; `make image-check` runs these steps without Docker.
FROM node:24-bookworm-slim AS graphiql

WORKDIR /build/api/graphiql
COPY api/graphiql/package.json api/graphiql/package-lock.json api/graphiql/.npmrc ./
RUN npm ci
COPY api/graphiql ./
RUN npm run build


FROM python:3.13-slim-bookworm AS build

WORKDIR /build
ENV UV_PROJECT_ENVIRONMENT=/opt/shortship UV_PYTHON=/usr/local/bin/python3 UV_PYTHON_DOWNLOADS=never \
    UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1
# What rarely changes comes first, so that a change of the code does not reinstall the dependencies.
COPY tools tools
COPY pyproject.toml uv.lock ./
RUN python tools/uv.py sync --locked --no-dev --extra tracing --extra nats --no-install-project
COPY README.md LICENSE hatch_build.py ./
COPY shortship shortship
COPY domain domain
COPY api api
COPY --from=graphiql /build/api/static/graphiql api/static/graphiql
# uv leaves a lock file that anybody may write to.
RUN python tools/uv.py sync --locked --no-dev --extra tracing --extra nats --no-editable && rm -f /opt/shortship/.lock


FROM python:3.13-slim-bookworm

RUN useradd --system --user-group --no-create-home shortship && install -d -o shortship -g shortship /data
COPY --from=build /opt/shortship /opt/shortship
ENV PATH=/opt/shortship/bin:$PATH SHORTSHIP_HOST=0.0.0.0 SHORTSHIP_PORT=8000
USER shortship
# Holds the SQLite file, unless SHORTSHIP_DATABASE_URL names another database.
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python", "-c", \
    "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['SHORTSHIP_PORT'] + '/healthz')"]
CMD ["shortship", "serve"]
