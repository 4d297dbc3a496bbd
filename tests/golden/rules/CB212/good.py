def test_upload(s3, worker_id):
    s3.create_bucket(Bucket=f"tests-{worker_id}")


def test_container(docker):
    docker.containers.run("postgres")
