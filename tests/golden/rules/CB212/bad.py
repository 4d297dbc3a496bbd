def test_upload(s3):
    s3.create_bucket(Bucket="tests")  # CB212


def test_container(docker):
    docker.containers.run("postgres", name="db")  # CB212
