FROM python:3.11-slim AS build
ARG PIP_EXTRA_INDEX_URL
COPY pyproject.toml constraints.txt README.md LICENSE /source/
COPY rag /source/rag
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir -c /source/constraints.txt "/source[mcp]"

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home rag \
 && install -d -o rag -g rag /data /articles
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH RAG_INDEX=/data/index XDG_DATA_HOME=/data
USER rag
WORKDIR /home/rag
RUN rag models
VOLUME /data
EXPOSE 7860
ENTRYPOINT ["rag"]
CMD ["--help"]
