# The course in a container, for jobs and class rooms:
#   docker build -t torchbasics .
#   docker run --rm -it -v "$PWD/runs:/home/learner/runs" torchbasics
# With CUDA, for `docker run --gpus all`, take another build of PyTorch:
#   docker build -t torchbasics --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126 .

FROM python:3.12-slim AS wheel
WORKDIR /src
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM python:3.12-slim
# What `docker run --gpus` hands in; without it, these say nothing.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" torch torchvision
COPY --from=wheel /wheel /wheel
RUN pip install --no-cache-dir /wheel/*.whl
# Whoever owns the folder that is mounted as runs: --build-arg UID="$(id -u)"
ARG UID=1000
RUN useradd --create-home --uid "$UID" learner
USER learner
WORKDIR /home/learner
RUN mkdir runs
CMD ["python", "-m", "torchbasics.mnist"]
